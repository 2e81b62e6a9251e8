"""Operators in C++ for the encoders that are bound by many small steps.

Each operator is one file of C++ beside this one. It is compiled on first use, with whatever compiler
the system has, and kept in the user's cache folder. Where that cannot be done the encoder computes
the same with PyTorch; see :func:`structnn.fused.build.load`.
"""
