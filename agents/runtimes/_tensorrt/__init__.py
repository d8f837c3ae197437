"""What TensorRT and TensorRT for RTX share: engines of ONNX files, built on the device alone."""
