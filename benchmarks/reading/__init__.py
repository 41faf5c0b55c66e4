"""What `read.py` is made of: data, server, peers, scenarios, measuring, reporting."""
