SELECT date, tenant, team, project, key_id, provider, request_model AS model,
       count(DISTINCT request_id) AS requests,
       sum(input_tokens) AS input_tokens,
       sum(output_tokens) AS output_tokens,
       sum(cost_usd) AS cost_usd,
       count(*) - count(cost_usd) AS unpriced,
       count(*) FILTER (WHERE source = 'estimated') AS estimated
FROM costs
GROUP BY date, tenant, team, project, key_id, provider, request_model
