-- What was spent with each virtual key.
SELECT tenant, team, key_id,
       sum(requests) AS requests,
       sum(input_tokens) AS input_tokens,
       sum(output_tokens) AS output_tokens,
       sum(cost_usd) AS cost_usd,
       sum(unpriced) AS unpriced
FROM spend_by_day
GROUP BY tenant, team, key_id
ORDER BY cost_usd DESC NULLS LAST, tenant, team, key_id
