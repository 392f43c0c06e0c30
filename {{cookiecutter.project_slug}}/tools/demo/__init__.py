"""Run every deployment on a real server and a real worker, and show what happened: `make demo`.

It needs no account and no other server. Everything it writes is in the folder `.demo`, everything
it starts is stopped at its end, and your Prefect profile, your `.env` and your server are not used.
"""
