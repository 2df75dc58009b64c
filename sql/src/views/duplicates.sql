WITH numbered AS (
    SELECT 'requests' AS topic, ingress_id, boot_epoch, seq FROM requests
    UNION ALL
    SELECT 'chunks' AS topic, ingress_id, boot_epoch, seq FROM chunks
    UNION ALL
    SELECT 'usage' AS topic, ingress_id, boot_epoch, seq FROM usage
    UNION ALL
    SELECT 'outcomes' AS topic, ingress_id, boot_epoch, seq FROM outcomes
    UNION ALL
    SELECT 'intents' AS topic, ingress_id, boot_epoch, seq FROM intents
)
SELECT topic, ingress_id, boot_epoch, seq, count(*) AS copies
FROM numbered
GROUP BY topic, ingress_id, boot_epoch, seq
HAVING count(*) > 1
