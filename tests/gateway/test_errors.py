import httpx2
import pytest

from gateway.argocd import Kind, error_of

STREAM_ERROR = '{"error":{"grpc_code":16,"http_code":401,"message":"invalid session: token has invalid claims: token is expired","http_status":"Unauthorized"}}'


@pytest.mark.parametrize("body", [STREAM_ERROR, f"data: {STREAM_ERROR} \n\n"])
def test_a_watch_that_is_refused_at_its_start_says_why(body):
    error = error_of(httpx2.Response(401, text=body))

    assert error.kind is Kind.UNAUTHENTICATED
    assert "token is expired" in str(error)
