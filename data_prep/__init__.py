"""Programs that convert raw data sets to record sets, one for each data set.

`conversion` holds what the converters share, `downloading` fetches and unpacks files,
`synthetic` renders data sets that need no download.
"""
