"""Measurements that decide what Sampan may claim. Nothing here is installed with it."""
