-- Is anything missing or double? Nothing listed is good.
SELECT 'gap' AS trouble, topic, ingress_id, boot_epoch, first_missing AS seq, missing AS events
FROM gaps
UNION ALL
SELECT 'duplicate', topic, ingress_id, boot_epoch, seq, copies
FROM duplicates
ORDER BY trouble, topic, ingress_id, boot_epoch, seq
