-- Removes everything of one participant. Returns how many others the call has.
--
-- KEYS: participant hash, session hash, stream, participants, seen
-- ARGV: participant
local phash, shash, stream, participants, seen = unpack(KEYS)
local who = ARGV[1]

redis.call('DEL', phash, seen)
redis.call('ZREM', participants, who)
local others = redis.call('ZCARD', participants)
if others == 0 then
  redis.call('DEL', shash, stream, participants)
  return 0
end
if redis.call('HGET', shash, 'participant') == who then
  redis.call('DEL', shash)
end

local page = 200
local from = '-'
while true do
  local entries = redis.call('XRANGE', stream, from, '+', 'COUNT', page)
  local theirs = {}
  for _, entry in ipairs(entries) do
    local fields = entry[2]
    for i = 1, #fields, 2 do
      if fields[i] == 'participant' and fields[i + 1] == who then theirs[#theirs + 1] = entry[1] end
    end
  end
  if #theirs > 0 then redis.call('XDEL', stream, unpack(theirs)) end
  if #entries < page then break end
  from = '(' .. entries[#entries][1]
end
return others
