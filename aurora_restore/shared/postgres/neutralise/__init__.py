"""What ties a restored database to production, or lets it act by itself, and how it is removed."""
