"""Error responses in the form of AWS's services, for doubles that serve HTTP."""

import json

from werkzeug.wrappers import Response

_SAID = "The local service was told to say so"
_OF_SERVERS = ("Insufficient", "Internal", "Unavailable")


def xml_error(code: str, message: str = _SAID) -> Response:
    """An error response of EC2."""
    told = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    body = f"<Response><Errors>{told}</Errors><RequestID>none</RequestID></Response>"
    return Response(body, _status(code), content_type="text/xml")


def json_error(code: str, message: str = _SAID) -> Response:
    """An error response of a service that uses JSON."""
    told = json.dumps({"__type": code, "message": message})
    return Response(told, _status(code), content_type="application/x-amz-json-1.1")


def _status(code: str) -> int:
    return 500 if code.startswith(_OF_SERVERS) else 400
