"""The scripts that the server runs: each is one atomic step, and the only place where a claim begins, goes on or ends.

What is in the store, with the default prefix:

`{incumbent}:NAME`  a hash, there only while somebody has a claim: `claim` (a nonce), `candidate`, `token`, `beat`
    (changes with every renewal), `ttl` (milliseconds), `since`, and the `mark` of the guard under which it was granted
`{incumbent}`       a hash, the guard of all elections: `reign` (the server's replication id, which changes with each
    restart and each fail-over), `mark` (a nonce for this reign and this guard), `proven` (milliseconds for which
    somebody has known that mark) and `token` (the last one)

Nothing expires by the server's clock, which may be set forward (P1). Who waits has seen a claim's beat unchanged for
its ttl on a clock of its own before it takes the claim over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha1

__all__ = ["ACQUIRE", "CONFLICT", "LOOK", "RELEASE", "RENEW", "SHOW", "Script"]

#: How the error begins that says that a key holds something else.
CONFLICT = "INCUMBENT-CONFLICT"
#: Lua's numbers cannot tell larger ones apart: a token would be given twice (P4).
MOST = 2**53 - 2


@dataclass(frozen=True)
class Script:
    """A script, and the name that the server gives it."""

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha", sha1(self.text.encode(), usedforsecurity=False).hexdigest())


#: How those begin that need the guard. KEYS[1] is the guard; ARGV[1] a fresh mark; ARGV[2] the mark that the caller
#: knows, ARGV[3] for how long, and ARGV[4] for how long it must have been known, milliseconds.
_GUARD = f"""
local function conflict(key)
  return redis.error_reply('{CONFLICT} ' .. key)
end
local function text(number)
  return string.format('%.0f', number)
end
local function number(field)
  local value = tonumber(field or '0')
  return value and value >= 0 and value < {MOST} and value or nil
end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local reign = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
if not reign then
  return redis.error_reply('INCUMBENT-REIGN')
end
local guard = redis.call('HMGET', KEYS[1], 'reign', 'mark', 'proven', 'token')
local mark, proven, last = string.match(guard[2] or '', '^%x+$'), number(guard[3]), number(guard[4])
if not proven or not last then
  return conflict(KEYS[1])
end
if guard[1] ~= reign or not mark then
  mark, proven = ARGV[1], 0
  redis.call('HSET', KEYS[1], 'reign', reign, 'mark', mark, 'proven', '0')
end
local needed = tonumber(ARGV[4])
if proven < needed and mark == ARGV[2] and tonumber(ARGV[3]) >= needed then
  proven = needed
  redis.call('HSET', KEYS[1], 'proven', text(proven))
end
"""

#: KEYS[2] is the record. ARGV: [5] our claim, [6] the candidate, [7] its ttl, [8] since when, [9] and [10] claim and
#: beat that were seen for so long that their holder is silent: of a guard with another mark that says nothing. What an
#: attempt without an answer has left keeps its token, unless another may have led since and be forgotten (P4).
ACQUIRE = Script(
    _GUARD
    + """
local record = redis.call('HMGET', KEYS[2], 'claim', 'beat', 'ttl', 'token', 'mark')
local claim, beat = record[1], number(record[2])
local token = number(record[4])
if not beat or not token or not number(record[3]) then
  return conflict(KEYS[2])
end
if not claim and redis.call('EXISTS', KEYS[2]) == 1 then
  return conflict(KEYS[2])
end
local is_silent = claim and claim == ARGV[9] and record[2] == ARGV[10] and mark == ARGV[2]
if proven < needed or (claim and claim ~= ARGV[5] and not is_silent) then
  return {0, mark, text(proven), claim or '', record[2] or '', record[3] or '0'}
end
if claim == ARGV[5] and record[5] == mark then
  redis.call('HSET', KEYS[2], 'beat', text(math.max(beat + 1, now)))
else
  token = math.max(token + 1, last + 1, now)
  redis.call('HSET', KEYS[1], 'token', text(token))
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[2], 'claim', ARGV[5], 'candidate', ARGV[6], 'token', text(token), 'beat', text(now),
    'ttl', ARGV[7], 'since', ARGV[8], 'mark', mark)
  redis.call('PUBLISH', KEYS[2], 'led')
end
return {1, mark, text(proven), text(token)}
"""
)

#: KEYS[2] and so on are records; for each, two ARGV from the fifth on: our claim, and whether it may have lapsed.
#: A lapsed claim is believed only where nothing can have been forgotten: else another may have led meanwhile.
RENEW = Script(
    _GUARD
    + """
local answer = {mark, text(proven)}
for i = 2, #KEYS do
  local record = redis.pcall('HMGET', KEYS[i], 'claim', 'beat')
  local is_ours = record[1] and record[1] == ARGV[2 * i + 1]
  if is_ours and ARGV[2 * i + 2] == 'lapsed' and proven < needed then
    redis.call('DEL', KEYS[i])
    is_ours = false
  end
  if is_ours then
    redis.call('HSET', KEYS[i], 'beat', text(math.max((tonumber(record[2] or '0') or 0) + 1, now)))
  end
  answer[i + 1] = is_ours and 1 or 0
end
return answer
"""
)

#: ARGV[5] and so on are records; each is answered with its claim, beat and ttl, and with whether it is fresh by the
#: server's clock, for display. They are no KEYS, for these a user must be allowed to write.
LOOK = Script(
    _GUARD
    + """
local answer = {mark, text(proven)}
for i = 5, #ARGV do
  local record = redis.pcall('HMGET', ARGV[i], 'claim', 'beat', 'ttl')
  answer[#answer + 1] = record[1] or ''
  answer[#answer + 1] = record[2] or ''
  answer[#answer + 1] = record[3] or '0'
  local age = now - (tonumber(record[2] or '0') or 0)
  answer[#answer + 1] = age <= (tonumber(record[3] or '0') or 0) * 1000 and '1' or '0'
end
return answer
"""
)

#: KEYS[1] is the record, ARGV[1] our claim. Told is also how many listen, or 0 if the user may not know.
RELEASE = Script(
    """
local record = redis.pcall('HMGET', KEYS[1], 'claim')
if record[1] and record[1] == ARGV[1] then
  redis.call('DEL', KEYS[1])
  local heard = redis.pcall('PUBSUB', 'NUMSUB', KEYS[1])
  redis.call('PUBLISH', KEYS[1], 'free ' .. (heard[2] or 0))
  return 1
end
return 0
"""
)

#: ARGV[1] is the record. The server's clock says whether its holder is silent: for display, and nothing else. Answers
#: with the claim first, as `LOOK` shows it: whoever has been shown this one is told of any other.
SHOW = Script(
    """
local time = redis.call('TIME')
local record = redis.call('HMGET', ARGV[1], 'candidate', 'token', 'since', 'beat', 'ttl', 'claim')
if not record[1] and redis.call('EXISTS', ARGV[1]) == 1 then
  return redis.error_reply('INCUMBENT-CONFLICT ' .. ARGV[1])
end
if record[1] then
  local age = time[1] * 1000000 + time[2] - (tonumber(record[4] or '0') or 0)
  if age <= (tonumber(record[5] or '0') or 0) * 1000 then
    return {record[6] or '', record[1], record[2] or '', record[3] or ''}
  end
end
return {record[6] or ''}
"""
)
