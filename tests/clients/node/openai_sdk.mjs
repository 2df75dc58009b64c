#!/usr/bin/env node
// The official openai SDK, with nothing changed but base URL and key.
//
//     openai_sdk.mjs BASE_URL KEY [MODEL]
//
// Calls models.list, a plain and two streamed chat completions (with and without usage), and provokes errors. Prints one
// JSON object; exit code 0 where everything was as the SDK's users expect, 1 where not.

import OpenAI from 'openai';
import { VERSION } from 'openai/version';

const PROMPT = 'Tell of the river, please.';
const TIMEOUT_MS = 30_000;
const messages = [{ role: 'user', content: PROMPT }];

const results = new Map();
const requestIds = [];

function that(name, held) {
  results.set(name, Boolean(held) && results.get(name) !== false);
}

function requestId(name, value) {
  that(`${name}: request id`, typeof value === 'string' && value.length >= 8);
  if (value) requestIds.push(value);
}

async function checkModels(client, model) {
  const ids = [];
  for await (const entry of client.models.list()) {
    ids.push(entry.id);
    that('models: objects are models', entry.object === 'model');
  }
  that('models: the model is listed', ids.includes(model));
  that('models: ids are unique', new Set(ids).size === ids.length);
}

async function checkPlain(client, model) {
  const answer = await client.chat.completions.create({ model, messages });
  const [choice] = answer.choices;
  that('plain: object', answer.object === 'chat.completion');
  that('plain: role', choice.message.role === 'assistant');
  that('plain: text', choice.message.content);
  that('plain: finish reason', choice.finish_reason === 'stop');
  that('plain: usage', answer.usage?.prompt_tokens > 0 && answer.usage?.completion_tokens > 0);
  const sum = answer.usage?.prompt_tokens + answer.usage?.completion_tokens;
  that('plain: usage adds up', answer.usage?.total_tokens === sum);
  requestId('plain', answer._request_id);
  return { text: choice.message.content, usage: answer.usage };
}

async function checkStream(client, model, text, usageExpected) {
  const name = usageExpected ? 'stream with usage' : 'stream';
  const options = usageExpected ? { stream_options: { include_usage: true } } : {};
  const call = client.chat.completions.create({ model, messages, stream: true, ...options });
  const { data: stream, response, request_id: id } = await call.withResponse();
  requestId(name, id);
  that(`${name}: content type`, response.headers.get('content-type')?.startsWith('text/event-stream'));
  const [parts, reasons, usages, ids] = [[], [], [], new Set()];
  for await (const chunk of stream) {
    ids.add(chunk.id);
    that(`${name}: object`, chunk.object === 'chat.completion.chunk');
    if (chunk.usage) usages.push({ usage: chunk.usage, choices: chunk.choices.length });
    for (const choice of chunk.choices) {
      if (choice.delta.content) parts.push(choice.delta.content);
      if (choice.finish_reason) reasons.push(choice.finish_reason);
    }
  }
  that(`${name}: one id`, ids.size === 1);
  that(`${name}: finish reason once`, reasons.length === 1 && reasons[0] === 'stop');
  that(`${name}: several pieces`, parts.length > 1);
  that(`${name}: the text is that of the plain answer`, parts.join('') === text);
  if (usageExpected) {
    that(`${name}: usage once, in a chunk without choices`, usages.length === 1 && usages[0].choices === 0);
  } else {
    that(`${name}: no usage where none was asked for`, usages.length === 0);
  }
  return usages[0]?.usage;
}

// A client that stops reading: the SDK aborts the request, and the connection is gone.
async function checkAbort(client, model) {
  const content = 'Tell at length. @sim c=5000 d=5ms;';
  const stream = await client.chat.completions.create({ model, stream: true, messages: [{ role: 'user', content }] });
  let chunks = 0;
  for await (const _ of stream) {
    chunks += 1;
    if (chunks === 3) break;
  }
  that('abort: the stream ends where the client leaves', chunks === 3 && stream.controller.signal.aborted);
}

async function checkError(name, kind, status, call) {
  try {
    await call();
  } catch (error) {
    that(`${name}: class is ${kind.name}`, error instanceof kind);
    that(`${name}: status is ${status}`, error.status === status);
    const body = error.error ?? {};
    that(`${name}: message, type, param, code`, ['message', 'type', 'param', 'code'].every((field) => field in body));
    that(`${name}: message is text`, typeof body.message === 'string' && body.message !== '');
    requestId(name, error.requestID);
    return;
  }
  that(`${name}: class is ${kind.name}`, false);
}

async function checkErrors(client, model, baseURL, key) {
  const create = (body) => client.chat.completions.create(body);
  await checkError('unknown model', OpenAI.NotFoundError, 404, () => create({ model: 'no-such-model', messages }));
  await checkError('unknown model, streamed', OpenAI.NotFoundError, 404, () =>
    create({ model: 'no-such-model', messages, stream: true }),
  );
  await checkError('bad request', OpenAI.BadRequestError, 400, () => create({ model, messages: 'not a list' }));
  const stranger = new OpenAI({ baseURL, apiKey: `${key}-wrong`, maxRetries: 0, timeout: TIMEOUT_MS });
  await checkError('wrong key', OpenAI.AuthenticationError, 401, () =>
    stranger.chat.completions.create({ model, messages }),
  );
}

async function main() {
  const [baseURL, apiKey, model = 'sim-small'] = process.argv.slice(2);
  if (!apiKey) {
    console.error('usage: openai_sdk.mjs BASE_URL KEY [MODEL]');
    return 2;
  }
  const client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: TIMEOUT_MS });
  let problem = null;
  try {
    await checkModels(client, model);
    const plain = await checkPlain(client, model);
    await checkStream(client, model, plain.text, false);
    const usage = await checkStream(client, model, plain.text, true);
    that("stream with usage: as the plain answer's", JSON.stringify(usage) === JSON.stringify(plain.usage));
    await checkAbort(client, model);
    await checkErrors(client, model, baseURL, apiKey);
    that('request ids are unique', new Set(requestIds).size === requestIds.length);
  } catch (error) {
    problem = `${error?.name}: ${error?.message}`;
  }
  const failed = [...results].filter(([, held]) => !held).map(([name]) => name);
  const ok = problem === null && failed.length === 0;
  const report = { client: `openai-node ${VERSION}`, ok, checks: results.size, failed, error: problem };
  console.log(JSON.stringify({ ...report, request_ids: requestIds }));
  return ok ? 0 : 1;
}

process.exitCode = await main();
