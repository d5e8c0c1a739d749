"""Other engines that answer what `prove` answers, in ways of their own; only tests use them."""
