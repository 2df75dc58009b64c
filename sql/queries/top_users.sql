-- The end users who cost most.
SELECT tenant, team, user_id,
       count(*) AS requests,
       sum(prompt_tokens) + sum(completion_tokens) AS tokens,
       sum(cost_usd) AS cost_usd
FROM audit
WHERE user_id IS NOT NULL
GROUP BY tenant, team, user_id
ORDER BY cost_usd DESC NULLS LAST, requests DESC, tenant, team, user_id
LIMIT 100
