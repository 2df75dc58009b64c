-- Errors by who made them, and whether sending again helps.
SELECT o.error_origin, o.error_code, o.outcome, o.status, o.retry_safe,
       count(*) AS errors,
       count(DISTINCT r.provider) AS providers,
       max(o.event_time) AS last_seen
FROM outcomes o
LEFT JOIN requests r ON r.tenant = o.tenant AND r.request_id = o.request_id
WHERE o.error_origin IS NOT NULL
GROUP BY o.error_origin, o.error_code, o.outcome, o.status, o.retry_safe
ORDER BY errors DESC, o.error_origin, o.error_code, o.outcome, o.status, o.retry_safe
