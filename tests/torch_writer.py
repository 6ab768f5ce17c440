"""Files in the two formats of `torch.save`, written without PyTorch."""

import collections
import io
import pickle
import struct
import sys
import types
import zipfile


def write_torch(path, arrays, *, legacy=False):
    """Writes a state dictionary as `torch.save` does, without PyTorch."""
    modules = _torch_modules()
    storages, keys = [], {}
    pickled = io.BytesIO()

    class Pickler(pickle.Pickler):
        def persistent_id(self, obj):
            if not isinstance(obj, _Storage):
                return None
            kind = getattr(modules["torch"], f"{obj.kind}Storage")
            view = (None,) if legacy else ()
            return ("storage", kind, obj.key, "cpu", obj.array.size, *view)

    class Tensor:
        def __init__(self, array):
            # Tensors that are the same array share a storage.
            if id(array) not in keys:
                keys[id(array)] = _Storage(array, str(len(storages)))
                storages.append(keys[id(array)])
            self.array, self.storage = array, keys[id(array)]

        def __reduce__(self):
            array, empty = self.array, collections.OrderedDict()
            strides = tuple(s // array.itemsize for s in array.strides)
            rebuild = modules["torch._utils"]._rebuild_tensor_v2
            return rebuild, (self.storage, 0, array.shape, strides, False, empty)

    content = collections.OrderedDict((k, Tensor(v)) for k, v in arrays.items())
    content._metadata = collections.OrderedDict([("", {"version": 1})])
    with _Installed(modules):
        Pickler(pickled, protocol=2).dump(content)
    write = _write_legacy if legacy else _write_zip
    write(path, pickled.getvalue(), storages)


class _Storage:
    def __init__(self, array, key):
        self.array, self.key = array, key
        self.kind = {"float32": "Float", "int64": "Long"}[array.dtype.name]


def _write_zip(path, pickled, storages):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights/data.pkl", pickled)
        archive.writestr("weights/byteorder", "little")
        for storage in storages:
            archive.writestr(f"weights/data/{storage.key}", storage.array.tobytes("A"))


def _write_legacy(path, pickled, storages):
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}
    with path.open("wb") as file:
        for value in (0x1950A86A20F9469CFC6C, 1001, machine):
            pickle.dump(value, file, protocol=2)
        file.write(pickled)
        pickle.dump([storage.key for storage in storages], file, protocol=2)
        for storage in storages:
            file.write(
                struct.pack("<q", storage.array.size) + storage.array.tobytes("A")
            )


def _torch_modules():
    """Stand-ins whose names a pickle can record."""
    torch, helpers = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for kind in ("FloatStorage", "LongStorage"):
        setattr(torch, kind, type(kind, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2(*arguments):
        raise AssertionError

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    helpers._rebuild_tensor_v2 = _rebuild_tensor_v2
    torch._utils = helpers
    return {"torch": torch, "torch._utils": helpers}


class _Installed:
    """Makes the stand-ins importable within a block."""

    def __init__(self, modules):
        self._modules = modules

    def __enter__(self):
        sys.modules.update(self._modules)

    def __exit__(self, *_):
        for name in self._modules:
            del sys.modules[name]
