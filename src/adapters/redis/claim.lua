-- Takes a product's newest stock version and claims units, as one atomic step.
--
-- KEYS[1]  the product's entry: '<version> <available> <free>', where free is available less what was claimed since
-- ARGV[1]  milliseconds that the entry lives after its last change
-- ARGV[2]  the new stock version, or '' for none
-- ARGV[3]  available units of that version
-- ARGV[4]  when it replaces the entry's own: 'ifNewer', 'ifNotOlder' or 'force'
-- ARGV[5]  the requests, in order: a JSON array of quantity and count in turn, [2,1,1,30] for a 2 and then thirty 1s
--
-- Returns nil for an unknown product, else version and available, both as text, and for each pair of
-- ARGV[5] how many of its count were claimed: always the first ones, because what does not fit once does not fit again.
--
-- Numbers go up to 2^53, which a double holds exactly. Only %.0f writes all of their digits, and the client misreads the
-- last ones as numbers (it makes 2^53 of 2^53 - 1).

local version, available, free
local entry = redis.call('GET', KEYS[1])
if entry then
  version, available, free = string.match(entry, '^(%d+) (%d+) (%d+)$')
  version, available, free = tonumber(version), tonumber(available), tonumber(free)
  -- No stock version is that large, and "inf" compares with nothing: a foreign client has written it.
  if version and math.max(version, available, free) >= 2 ^ 53 then
    version = nil
  end
end

local changed = false
if ARGV[2] ~= '' then
  local given = tonumber(ARGV[2])
  local when = ARGV[4]
  if not version or given > version or when == 'force' or (when == 'ifNotOlder' and given == version) then
    version, available = given, tonumber(ARGV[3])
    free = available
    changed = true
  end
end
if not version then
  return nil
end

local answer = { string.format('%.0f', version), string.format('%.0f', available) }
local wanted = cjson.decode(ARGV[5])
for i = 1, #wanted, 2 do
  local quantity, count = wanted[i], wanted[i + 1]
  local claimed = math.min(count, math.floor(free / quantity))
  if claimed > 0 then
    free = free - claimed * quantity
    changed = true
  end
  answer[#answer + 1] = claimed
end

if changed then
  redis.call('SET', KEYS[1], string.format('%.0f %.0f %.0f', version, available, free), 'PX', ARGV[1])
end
return answer
