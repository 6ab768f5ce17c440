"""Released weights of FCRN and of the hybrid, as weights of this library's network.

The files are read without the libraries that wrote them, and without running what a
pickle may contain. The network built for them (`DepthNetworkConfig.architecture`)
computes the same function as the released one.
"""
