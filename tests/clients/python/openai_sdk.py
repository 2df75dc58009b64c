#!/usr/bin/env python3
"""The official openai SDK, with nothing changed but base URL and key.

    openai_sdk.py BASE_URL KEY [MODEL]

Calls models.list, a plain and two streamed chat completions (with and without usage), and provokes errors. Prints one
JSON object; exit code 0 where everything was as the SDK's users expect, 1 where not.
"""

import json
import sys

import openai
from openai import OpenAI

PROMPT = "Tell of the river, please."
TIMEOUT_SECONDS = 30


class Checks:
    """What was checked, by name; false where it did not hold."""

    def __init__(self):
        self.results = {}
        self.request_ids = []

    def that(self, name, held):
        self.results[name] = bool(held) and self.results.get(name, True)

    def request_id(self, name, value):
        self.that(f"{name}: request id", isinstance(value, str) and len(value) >= 8)
        if value:
            self.request_ids.append(value)


def check_models(client, checks, model):
    page = client.models.list()
    ids = [entry.id for entry in page]
    checks.that("models: the model is listed", model in ids)
    checks.that("models: ids are unique", len(ids) == len(set(ids)))
    checks.that("models: objects are models", all(entry.object == "model" for entry in page))


def check_plain(client, checks, model):
    answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": PROMPT}])
    choice = answer.choices[0]
    checks.that("plain: object", answer.object == "chat.completion")
    checks.that("plain: role", choice.message.role == "assistant")
    checks.that("plain: text", bool(choice.message.content))
    checks.that("plain: finish reason", choice.finish_reason == "stop")
    usage = answer.usage
    checks.that("plain: usage", usage is not None and usage.prompt_tokens > 0 and usage.completion_tokens > 0)
    checks.that("plain: usage adds up", usage.total_tokens == usage.prompt_tokens + usage.completion_tokens)
    checks.request_id("plain", answer._request_id)
    return choice.message.content, usage


def check_stream(client, checks, model, text, usage_expected):
    name = "stream with usage" if usage_expected else "stream"
    options = {"stream_options": {"include_usage": True}} if usage_expected else {}
    messages = [{"role": "user", "content": PROMPT}]
    parts, reasons, usages, ids, pieces = [], [], [], set(), 0
    with client.chat.completions.create(model=model, messages=messages, stream=True, **options) as stream:
        checks.request_id(name, stream.response.headers.get("x-request-id"))
        content_type = stream.response.headers.get("content-type", "")
        checks.that(f"{name}: content type", content_type.startswith("text/event-stream"))
        for chunk in stream:
            ids.add(chunk.id)
            checks.that(f"{name}: object", chunk.object == "chat.completion.chunk")
            if chunk.usage is not None:
                usages.append((chunk.usage, len(chunk.choices)))
            for choice in chunk.choices:
                if choice.delta.content:
                    parts.append(choice.delta.content)
                    pieces += 1
                if choice.finish_reason:
                    reasons.append(choice.finish_reason)
    checks.that(f"{name}: one id", len(ids) == 1)
    checks.that(f"{name}: finish reason once", reasons == ["stop"])
    checks.that(f"{name}: several pieces", pieces > 1)
    checks.that(f"{name}: the text is that of the plain answer", "".join(parts) == text)
    if usage_expected:
        checks.that(f"{name}: usage once, in a chunk without choices", [empty for _, empty in usages] == [0])
        return usages[0][0] if usages else None
    checks.that(f"{name}: no usage where none was asked for", usages == [])
    return None


def check_error(checks, name, kind, status, call):
    """The SDK raises the class for the status, with OpenAI's fields in its body."""
    try:
        call()
    except openai.APIStatusError as error:
        checks.that(f"{name}: class is {kind.__name__}", type(error) is kind)
        checks.that(f"{name}: status is {status}", error.status_code == status)
        body = error.body if isinstance(error.body, dict) else {}
        checks.that(f"{name}: message, type, param, code", {"message", "type", "param", "code"} <= body.keys())
        checks.that(f"{name}: message is text", isinstance(body.get("message"), str) and body["message"] != "")
        checks.request_id(name, error.request_id)
    else:
        checks.that(f"{name}: class is {kind.__name__}", False)


def check_errors(client, checks, model, base_url, key):
    messages = [{"role": "user", "content": PROMPT}]
    create = client.chat.completions.create
    check_error(checks, "unknown model", openai.NotFoundError, 404,
                lambda: create(model="no-such-model", messages=messages))
    check_error(checks, "unknown model, streamed", openai.NotFoundError, 404,
                lambda: create(model="no-such-model", messages=messages, stream=True))
    check_error(checks, "bad request", openai.BadRequestError, 400,
                lambda: create(model=model, messages="not a list"))
    stranger = OpenAI(base_url=base_url, api_key=key + "-wrong", max_retries=0, timeout=TIMEOUT_SECONDS)
    check_error(checks, "wrong key", openai.AuthenticationError, 401,
                lambda: stranger.chat.completions.create(model=model, messages=messages))


def main():
    if len(sys.argv) not in (3, 4):
        print(__doc__, file=sys.stderr)
        return 2
    base_url, key = sys.argv[1:3]
    model = sys.argv[3] if len(sys.argv) == 4 else "sim-small"
    client = OpenAI(base_url=base_url, api_key=key, max_retries=0, timeout=TIMEOUT_SECONDS)
    checks = Checks()
    problem = None
    try:
        check_models(client, checks, model)
        text, plain_usage = check_plain(client, checks, model)
        check_stream(client, checks, model, text, usage_expected=False)
        usage = check_stream(client, checks, model, text, usage_expected=True)
        checks.that("stream with usage: as the plain answer's", usage == plain_usage)
        check_errors(client, checks, model, base_url, key)
        ids = checks.request_ids
        checks.that("request ids are unique", len(ids) == len(set(ids)))
    except Exception as error:  # whatever the SDK raises where it should not
        problem = f"{type(error).__name__}: {error}"
    failed = sorted(name for name, held in checks.results.items() if not held)
    passed = problem is None and not failed
    print(json.dumps({
        "client": f"openai-python {openai.__version__}",
        "ok": passed,
        "checks": len(checks.results),
        "failed": failed,
        "error": problem,
        "request_ids": checks.request_ids,
    }))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
