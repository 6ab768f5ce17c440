"""Reading and writing of RGB-D data: record sets, depth files, input pipelines."""
