-- What each model of each provider cost.
SELECT provider, model,
       sum(requests) AS requests,
       sum(input_tokens) AS input_tokens,
       sum(output_tokens) AS output_tokens,
       sum(cost_usd) AS cost_usd,
       sum(unpriced) AS unpriced
FROM spend_by_day
GROUP BY provider, model
ORDER BY cost_usd DESC NULLS LAST, provider, model
