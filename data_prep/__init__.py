"""Programs that convert raw data sets to record sets, one for each data set.

`conversion` holds what the converters share, `downloading` fetches and unpacks files,
`synthetic` renders data sets that need no download.
"""

from dpde_tf.keras_settings import set_up_keras

set_up_keras()
