"""Training: networks whose cosine separates unseen classes, and the Siamese head.

The only layer besides `engine.backbones` that may import torch. What it learns leaves it as NumPy
arrays (heads) or as a backbone's folder.
"""
