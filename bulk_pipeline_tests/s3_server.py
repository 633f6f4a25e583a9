"""A server that speaks S3 and answers one request after the other."""

import sys

from werkzeug.serving import BaseWSGIServer, make_server


def s3_server(port: int = 0) -> BaseWSGIServer:
    """The server, not yet serving; the system chooses the port where it is 0.

    With a thread for each request, moto closes an object that is replaced under the
    thread that still reads it, and answers with a 500; S3 gives the old object or the
    new one.
    """
    from moto.server import (  # noqa: PLC0415
        DomainDispatcherApplication,  # a second of imports, for those that need it
        MotoRequestHandler,
        create_backend_app,
    )

    application = DomainDispatcherApplication(create_backend_app)
    return make_server(
        "127.0.0.1", port, application, request_handler=MotoRequestHandler
    )


if __name__ == "__main__":  # in a process of its own, for programs that are killed
    s3_server(int(sys.argv[1])).serve_forever()
