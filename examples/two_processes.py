"""A host of two processes with a module each, on one database: python two_processes.py FOLDER [STORE-URL]."""

import sys
from multiprocessing import get_context
from pathlib import Path

from indicium import Ledger, Postage, Settings, Store, Views

LETTER = Postage(origin_zip="40505", destination_zip="95567", mail_class="first-class letter", weight_ounces=1)


def frank(home: Path, store: str, serial: str) -> None:
    with Ledger.create(Settings.of(home, store=store, serial=serial)) as ledger:
        meter = ledger.lease(f"customer at {serial}", license_zip="40505")
        meter.refill("10.00")
        for number in range(10):
            meter.print("0.33", LETTER, f"letter-{number}")


if __name__ == "__main__":
    folder = Path(sys.argv[1]).absolute()
    folder.mkdir()
    store = (sys.argv[2:] or [f"sqlite:///{folder / 'vault.db'}"])[0]
    processes = [get_context("spawn").Process(target=frank, args=(folder / serial, store, serial)) for serial in "12"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    with Store.open(store) as vault:
        views = Views(vault.engine)
        views.catch_up(vault)
        for meter in views.meters():
            print(meter.module, meter.device, meter.customer, meter.ar, meter.dr)
