-- What each team spent, by project, all time.
SELECT tenant, team, project,
       sum(requests) AS requests,
       sum(input_tokens) AS input_tokens,
       sum(output_tokens) AS output_tokens,
       sum(cost_usd) AS cost_usd,
       sum(unpriced) AS unpriced,
       sum(estimated) AS estimated
FROM spend_by_day
GROUP BY tenant, team, project
ORDER BY cost_usd DESC NULLS LAST, tenant, team, project
