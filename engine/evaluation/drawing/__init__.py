"""What every plot and page draws with."""
