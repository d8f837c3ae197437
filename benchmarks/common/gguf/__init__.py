"""GGUF, the file format of llama.cpp, as a header: what a file holds, read without the library.

Ours and not that of the `gguf` package: an agent reads what strangers send, before anything else
touches it, with numpy's neighbours alone; the package believes every count of a file, makes an
array of each of its values, and brings clients of the web. Both ends of the wire read with this.
"""
