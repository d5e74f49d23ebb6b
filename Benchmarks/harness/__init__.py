"""What bench.py is made of: processes, peers, measurements, report."""
