"""Depth of similar training images, transferred to an image without any training.

`features` and `database` find candidates, `correspondence` warps them to the image, and
`methods` makes one depth map of them in three ways: those of Konrad et al. (2012),
Karsch et al. (2014) and Choi et al. (2015). `experiments.transfer_depth` predicts with
them. All three are our implementations from the articles. The last two use SIFT flow,
for which we found no maintained library; OpenCV's DIS flow takes its place.
"""
