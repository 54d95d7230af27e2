-- Writes one event, all of it or nothing. Returns 1, or 0 if this revision of
-- the event was written before. An error says that it was not written.
--
-- KEYS: participant hash, session hash, stream, participants, seen
-- ARGV: as arguments in event.go lists them
local call = redis.call
local phash, shash, stream, participants, seen = unpack(KEYS)
local mark, before, order, event, channel, length, age, ttl, who, score, polarity, low, high, rolling, from, to, state, revision, session_rolling = unpack(ARGV)

if before ~= '' and not call('ZSCORE', seen, before) then
  return redis.error_reply('VALENCE an earlier event of the participant was not written')
end

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

-- A repeat has changed nothing above but the stream, and readers never see it:
-- a script is one step for them. To look first would cost each event what this
-- costs a repeat alone. It comes last, so that an event of which a step has
-- failed is not taken for written.
local fresh = call('ZADD', seen, 'NX', now, mark) == 1
if not fresh then call('XDEL', stream, id) end

-- What bounds the memory is done once a second for each participant, and
-- whenever a key may be new.
local since = tonumber(now) - (tonumber(known[2]) or 0)
if since < 0 or since >= 1000 or not latest or not fresh then
  local ago = function(ms) return string.format('%.0f', tonumber(now) - tonumber(ms)) end
  local longer = math.max(tonumber(ttl), tonumber(age))
  call('HSET', phash, 'touched', now)
  call('ZADD', participants, now, who)
  call('ZREMRANGEBYSCORE', participants, '-inf', '(' .. ago(longer))
  call('XTRIM', stream, 'MINID', ago(age))
  call('ZREMRANGEBYSCORE', seen, '-inf', '(' .. ago(age))
  call('ZREMRANGEBYRANK', seen, 0, -math.max(1000, tonumber(length)) - 1) -- a batch at least; see before
  call('PEXPIRE', phash, ttl)
  call('PEXPIRE', shash, ttl)
  call('PEXPIRE', participants, longer)
  call('PEXPIRE', stream, age)
  call('PEXPIRE', seen, age)
end

if not fresh then return 0 end
call('PUBLISH', channel, event)
return 1
