"""A way from a port of this machine to a unix socket, for clients that know no
other."""

import contextlib
import socket
import threading


def pump(source, target):
    """Pass on what comes until no more does."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def accept(listener, path):
    with contextlib.suppress(OSError):
        while True:
            client, _ = listener.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(path)
            for pair in ((client, server), (server, client)):
                threading.Thread(target=pump, args=pair, daemon=True).start()


@contextlib.contextmanager
def relay(path, port=5432):
    with socket.create_server(('127.0.0.1', port)) as listener:
        thread = threading.Thread(target=accept, args=(listener, path), daemon=True)
        thread.start()
        yield
        # closing alone does not wake who waits in accept
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
