"""What Redis does at once, whoever asks with the same venue key.

One hash for each venue key: `held` (Unix ms), `ban`, and of each pool its window and its use.
ARGV: how long to hold (ms), whether that is a ban; then for each pool its name, window (ms), how
much may be used, how much is wanted, and what this pod knows to be used in which window (-1: this
one), and what it spent of that beside Redis.
Returns now (Unix ms), how long all is held (ms), whether that is a ban; then for each pool what
is used, in which window, and whether what was wanted is granted.
"""

SPEND = """
local key, time = KEYS[1], redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function keep(span)
  if redis.call('PTTL', key) < span then redis.call('PEXPIRE', key, string.format('%.0f', span)) end
end
local held = tonumber(redis.call('HGET', key, 'held') or '0')
if now + tonumber(ARGV[1]) > held and tonumber(ARGV[1]) > 0 then
  held = now + tonumber(ARGV[1])
  redis.call('HSET', key, 'held', string.format('%.0f', held), 'ban', ARGV[2])
  keep(tonumber(ARGV[1]) + 1000)
end
local left = math.max(held - now, 0)
local answer = {string.format('%.0f', now), left, tonumber(redis.call('HGET', key, 'ban') or '0')}
for at = 3, #ARGV, 7 do
  local name, span, allowed = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local wanted, known = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local window, owed = tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])
  local number, used = math.floor(now / span), 0
  if tonumber(redis.call('HGET', key, name .. ':window') or '-1') == number then
    used = tonumber(redis.call('HGET', key, name .. ':used') or '0')
  end
  if window == number or window == -1 then used = math.max(used, known) + owed end
  local granted = left == 0 and used + wanted <= allowed
  if granted then used = used + wanted end
  redis.call('HSET', key, name .. ':window', number, name .. ':used', used)
  keep(span + 1000)
  answer[#answer + 1] = used
  answer[#answer + 1] = number
  answer[#answer + 1] = granted and 1 or 0
end
return answer
"""
