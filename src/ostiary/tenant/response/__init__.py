"""Contain users whose tokens may be in somebody else's hands: devices, group, sessions, in order.

`plan` says what is to be done and changes nothing, `contain` does it, `verify` judges what is so
afterwards.  All three work on `facts`; what was asked of Graph is in the `record`.
"""
