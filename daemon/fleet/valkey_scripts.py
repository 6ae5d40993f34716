"""What the Valkey or Redis server runs for a member: each script is one atomic step.

The server runs one script at a time and writes its effects to the append-only file as one transaction, so a crash keeps
all of a script's changes or none. A script is known by the SHA-1 of its text; a server that was restarted, or whose
scripts were flushed, gets the text again.

Keys of one ledger, which is in braces in each:

=============  ===========  ======================================================================================
``…:account``  string       whose ledger it is: a hash of the account's API key
``…:log``      stream       entry n has the id ``n-0`` and the fields e (epoch), t (at_ms), h (hash), b (body)
``…:lease``    hash         owner, epoch, until_ms
``…:touched``  string       written where nothing else is, so that WAITAOF has something to wait for
``…:members``  hash         member -> ``seen_ms`` and the report, with a space between them
``…:calls``    sorted set   ids of the calls that have no answer and are not claimed, by the time of their arrival
``…:call:ID``  hash         member, expires_ms, is_repeatable, request, claimed, answer; the server removes it when it
                            expires
=============  ===========  ======================================================================================

The channel of the same name without a suffix carries notices, after the id of their sender: ``log``, ``lease``,
``call ID``, ``answer ID``. The hash ``sniperd:accounts`` has the ledger of each account.
"""

from hashlib import sha1


class Script:
    """A script: its text and the name by which the server knows it."""

    def __init__(self, text: str) -> None:
        self.text = ("#!lua\n" + text).encode()
        self.sha = sha1(self.text, usedforsecurity=False).hexdigest().encode()


OK, OTHER, GAP = b"ok", b"other", b"gap"
"""Done, or done before; something else is there; what precedes it is not there."""

CREATE = Script("""
local account, accounts = KEYS[1], KEYS[2]
local is, has = redis.call('GET', account), redis.call('HGET', accounts, ARGV[1])
if is and is ~= ARGV[1] then return 'ledger' end
if has and has ~= ARGV[2] then return 'account' end
redis.call('HSET', accounts, ARGV[1], ARGV[2])
redis.call('SET', account, ARGV[1])
return 'ok'
""")
"""Give an account its ledger; return what belongs to another one already."""

REPLACE = Script("""
local account, accounts = KEYS[1], KEYS[2]
local is, has = redis.call('GET', account), redis.call('HGET', accounts, ARGV[1])
if not is then return 'missing' end
if has and has ~= ARGV[2] then return 'account' end
redis.call('HDEL', accounts, is)
redis.call('HSET', accounts, ARGV[1], ARGV[2])
redis.call('SET', account, ARGV[1])
return 'ok'
""")
"""Record another key of a ledger's account."""

_ENTRY = """
local log, lease, touched = KEYS[1], KEYS[2], KEYS[3]
local channel, me, n, epoch, at_ms, hash, body, before = unpack(ARGV, 1, 8)
local function hash_of(number)
  local there = redis.call('XRANGE', log, number, number)[1]
  for i = 1, there and #there[2] or 0, 2 do
    if there[2][i] == 'h' then return there[2][i + 1] end
  end
end
local function follows()
  local last = string.format('%d', tonumber(n) - 1)
  return before ~= '' and (last == '0' or hash_of(last) == before)
end
local function write()
  redis.call('XADD', log, n .. '-0', 'e', epoch, 't', at_ms, 'h', hash, 'b', body)
  redis.call('PUBLISH', channel, me .. ' log')
end
"""

APPEND = Script(
    _ENTRY
    + """
local is = hash_of(n)
if is == hash then redis.call('SET', touched, n) return 'ok' end
if is or tonumber(epoch) < tonumber(redis.call('HGET', lease, 'epoch') or '0') then return 'other' end
if not follows() then return 'gap' end
write()
return 'ok'
"""
)
"""Write entry n if it follows the entry n - 1 that is there, and no later owner has the lease."""

TAKE = Script(
    _ENTRY
    + """
local seen_owner, seen_epoch, seen_until, owner, new_epoch, until_ms = unpack(ARGV, 9)
local is = redis.call('HMGET', lease, 'owner', 'epoch', 'until_ms')
if is[1] == owner and is[2] == new_epoch and hash_of(n) == hash then redis.call('SET', touched, n) return 'ok' end
if (is[1] or '') ~= seen_owner or (is[2] or '0') ~= seen_epoch or (is[3] or '0') ~= seen_until then return 'other' end
if hash_of(n) or not follows() then return 'other' end
redis.call('HSET', lease, 'owner', owner, 'epoch', new_epoch, 'until_ms', until_ms)
write()
redis.call('PUBLISH', channel, me .. ' lease')
return 'ok'
"""
)
"""Write a lease and its entry, if the lease is the one that was seen, and the entry follows the log's last one."""

RENEW = Script("""
local channel, me, owner, epoch, until_ms, hands_over = unpack(ARGV)
local is = redis.call('HMGET', KEYS[1], 'owner', 'epoch', 'until_ms')
if is[1] ~= owner or is[2] ~= epoch then return 'other' end
if hands_over == '0' and tonumber(until_ms) < tonumber(is[3]) then until_ms = is[3] end
redis.call('HSET', KEYS[1], 'until_ms', until_ms)
redis.call('PUBLISH', channel, me .. ' lease')
return 'ok'
""")
"""Move the end of the owner's lease: back only if it hands over."""

TOUCH = Script("redis.call('SET', KEYS[1], '')")
"""Write what means nothing."""

REPORT = Script("""
local now = redis.call('TIME')
redis.call('HSET', KEYS[1], ARGV[1], string.format('%d', now[1] * 1000 + math.floor(now[2] / 1000)) .. ' ' .. ARGV[2])
""")
"""Record a member's report with the server's time."""

CALL = Script("""
local call, calls = KEYS[1], KEYS[2]
local channel, me, id, member, expires_ms, is_repeatable, request = unpack(ARGV)
local now = redis.call('TIME')
if tonumber(expires_ms) <= now[1] * 1000 + math.floor(now[2] / 1000) then return end
if redis.call('EXISTS', call) == 0 then
  redis.call('HSET', call, 'member', member, 'expires_ms', expires_ms)
  redis.call('HSET', call, 'is_repeatable', is_repeatable, 'request', request)
  redis.call('PEXPIREAT', call, expires_ms)
  redis.call('ZADD', calls, string.format('%d', now[1] * 1000000 + now[2]), id)
end
redis.call('PUBLISH', channel, me .. ' call ' .. id)
""")
"""Add a call, unless it is there or is expired."""

CALLS = Script("""
local found, known = {}, {}
for i = 2, #ARGV do known[ARGV[i]] = true end
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local call = redis.call('HMGET', ARGV[1] .. id, 'member', 'expires_ms', 'is_repeatable')
  if call[1] then
    local request = known[id] and '' or redis.call('HGET', ARGV[1] .. id, 'request')
    found[#found + 1] = {id, call[1], call[2], call[3], request}
  else
    redis.call('ZREM', KEYS[1], id)
  end
end
return found
""")
"""Return the open calls, oldest first, those that are known without their requests; remove from the set those that the
server let expire."""

CLAIM = Script("""
if redis.call('EXISTS', KEYS[1]) == 0 or redis.call('HSETNX', KEYS[1], 'claimed', '1') == 0 then return 'other' end
redis.call('ZREM', KEYS[2], ARGV[1])
return 'ok'
""")
"""Take a call out of the set, once."""

ANSWER = Script("""
local channel, me, id, answer = unpack(ARGV)
if redis.call('EXISTS', KEYS[1]) == 0 then return end
redis.call('HSETNX', KEYS[1], 'answer', answer)
redis.call('ZREM', KEYS[2], id)
redis.call('PUBLISH', channel, me .. ' answer ' .. id)
""")
"""Answer a call, unless it was withdrawn or is expired. The first answer stays."""

ANSWER_TO = Script("""
local answer = redis.call('HGET', KEYS[1], 'answer')
if answer then redis.call('DEL', KEYS[1]) end
return answer
""")
"""Return the answer to a call, and remove both."""
