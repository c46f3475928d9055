"""Numbers in, numbers out: the tests that judge a release. No I/O, no clock, no chance."""
