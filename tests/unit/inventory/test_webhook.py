import base64
import hashlib
import hmac

import pytest

from cloned.errors import UsageError
from cloned.inventory.sinks import webhook
from cloned.inventory.sinks.base import SinkRefused, Unavailable


def test_the_signature_is_that_of_the_specification():
    secret = webhook.secret_bytes("whsec_" + base64.b64encode(b"x" * 24).decode())
    signed = b'cl_1.1614265330.{"test":1}'
    expected = base64.b64encode(hmac.new(b"x" * 24, signed, hashlib.sha256).digest()).decode()
    assert webhook.signature(secret, "cl_1", 1614265330, b'{"test":1}') == f"v1,{expected}"


def test_a_published_vector_of_standard_webhooks():
    secret = webhook.secret_bytes("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    assert webhook.signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


@pytest.mark.parametrize("status", [200, 201, 204])
def test_2xx_is_taken(status):
    webhook.judge(status, "", None)


@pytest.mark.parametrize("status", [401, 403, 404, 405, 407, 408, 425, 429, 500, 502, 503])
def test_what_may_pass_is_tried_again(status):
    with pytest.raises(Unavailable, match=str(status)) as caught:
        webhook.judge(status, "busy", "17")
    assert caught.value.after == 17


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_waits_until_the_address_is_put_right(status):
    with pytest.raises(Unavailable, match=f"it answered {status} .a redirect; set `url`"):
        webhook.judge(status, "", None)


@pytest.mark.parametrize("status", [400, 409, 410, 413, 415, 422])
def test_what_will_not_pass_is_refused_with_its_reason(status):
    with pytest.raises(SinkRefused, match=f"it answered {status}: no such thing"):
        webhook.judge(status, "no such\n thing", None)


@pytest.mark.parametrize("after", [None, "soon", "-1", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_odd_retry_after_is_ignored(after):
    with pytest.raises(Unavailable) as caught:
        webhook.judge(503, "", after)
    assert caught.value.after is None


def test_a_webhook_without_secret_or_with_a_broken_one_is_a_mistake():
    with pytest.raises(UsageError, match="needs a secret"):
        webhook.Webhook("w", "http://x", "")
    with pytest.raises(UsageError, match="not base64"):
        webhook.Webhook("w", "http://x", "whsec_?")
