"""Inside the tamper boundary: an emulated cryptographic module.

It keeps the rules of a hardware module, not its walls. Its one door is `dispatch.CryptoModule`; what it needs of the
world stands in `ports`.
"""
