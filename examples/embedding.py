"""A ledger in ten lines: python embedding.py FOLDER."""

import sys

from indicium import Ledger, Postage

with Ledger.create(sys.argv[1]) as ledger:
    meter = ledger.lease("Ada", license_zip="40505")
    meter.refill("50.00")
    letter = Postage(origin_zip="40505", destination_zip="95567", mail_class="first-class letter", weight_ounces=1)
    item = meter.print("0.33", letter)
    print(item.line)
    print("left:", item.reply.dr, "mills")
