"""The commands, a module for each kind: parse, call one library function, print. Heavy imports stand inside them."""
