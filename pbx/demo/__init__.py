"""Citizens who call and agents who answer, with a small SIP phone of their own: real calls without any outside program."""
