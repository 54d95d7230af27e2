-- Writes one event, all of it or nothing. Returns 1, or 0 if this revision of
-- the event was written before.
--
-- KEYS: participant hash, session hash, stream, participants, seen
-- ARGV: as arguments in event.go lists them
local call = redis.call
local phash, shash, stream, participants, seen = unpack(KEYS)
local mark, order, event, channel, length, age, ttl, who, score, polarity, low, high, rolling, from, to, state, revision, session_rolling = unpack(ARGV)

local id = call('XADD', stream, 'MAXLEN', '~', length, '*',
  'participant', who, 'state', state, 'score', score, 'rolling', rolling, 'event', event)
local now = string.match(id, '^%d+') -- the server's clock, in ms

-- Latest scores move forward only: by window end, then revision. Strings
-- compare byte by byte, in which order they were made to sort.
local known = call('HMGET', phash, 'order', 'touched')
if not known[1] or known[1] < order then
  call('HSET', phash, 'score', score, 'polarity', polarity, 'low', low, 'high', high, 'rolling', rolling,
    'window_start', from, 'window_end', to, 'state', state, 'revision', revision, 'event', event, 'order', order)
end
local latest = call('HGET', shash, 'order')
if not latest or latest < order then
  call('HSET', shash, 'score', score, 'polarity', polarity, 'low', low, 'high', high, 'rolling', session_rolling,
    'window_start', from, 'window_end', to, 'state', state, 'revision', revision, 'event', event, 'order', order, 'participant', who)
end

-- A repeat has changed nothing above but the stream: readers never see it,
-- since a script is one step for them. To look first would cost each event,
-- what this costs a repeat alone. It comes last, so that an event of which a
-- step has failed is not taken for written.
if call('ZADD', seen, 'NX', now, mark) == 0 then
  call('XDEL', stream, id)
  return 0
end

-- What keeps the memory bounded is done once a second for each participant,
-- and with the first event of each, when keys are new.
local since = tonumber(now) - (tonumber(known[2]) or 0)
if since < 0 or since >= 1000 then
  local oldest = string.format('%.0f', tonumber(now) - tonumber(age))
  call('HSET', phash, 'touched', now)
  call('ZADD', participants, now, who)
  call('ZREMRANGEBYSCORE', participants, '-inf', '(' .. string.format('%.0f', tonumber(now) - tonumber(ttl)))
  call('XTRIM', stream, 'MINID', oldest)
  call('ZREMRANGEBYSCORE', seen, '-inf', '(' .. oldest)
  call('ZREMRANGEBYRANK', seen, 0, -tonumber(length) - 1)
  call('PEXPIRE', phash, ttl)
  call('PEXPIRE', shash, ttl)
  call('PEXPIRE', participants, ttl)
  call('PEXPIRE', stream, age)
  call('PEXPIRE', seen, age)
end

call('PUBLISH', channel, event)
return 1
