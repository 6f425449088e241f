"""What is imported by its name only; of python-etcd3 the sources too, out of which its messages are rebuilt."""

hiddenimports = ["etcd3", "google.protobuf", "grpc"]
module_collection_mode = {"etcd3": "pyz+py"}
