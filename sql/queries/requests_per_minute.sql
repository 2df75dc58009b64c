-- Requests, errors and tokens of each minute with traffic, the last 1440 of them.
SELECT date_trunc('minute', ts) AS minute,
       count(*) AS requests,
       count(*) FILTER (WHERE status >= 400) AS errors,
       sum(prompt_tokens) AS prompt_tokens,
       sum(completion_tokens) AS completion_tokens
FROM audit
GROUP BY date_trunc('minute', ts)
ORDER BY minute DESC
LIMIT 1440
