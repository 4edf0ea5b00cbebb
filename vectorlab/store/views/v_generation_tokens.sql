-- One row per text whose tokens were read: what every token adds to the text, as JSON.
SELECT t.generation_id,
       g.run_id,
       g.prompt AS prompt_index,
       g.arm AS arm_index,
       g.sample,
       CAST(t.pieces_json AS text) AS pieces,
       t.created_at
FROM generation_tokens t
JOIN generations g ON g.id = t.generation_id
