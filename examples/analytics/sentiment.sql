-- Questions to the events of valence, in DuckDB. `lines` is a file with one event in a line, as the topic has them: repeats,
-- provisional events and all. report.py runs this.

-- What counts: of each id the highest revision, and no window that may still change.
create or replace temp view events as
select * from read_json(getvariable('lines'), format = 'newline_delimited', columns = {
    id: 'varchar', revision: 'integer', state: 'varchar', session: 'varchar', participant: 'varchar',
    "window": 'struct(kind varchar, "start" timestamptz, "end" timestamptz)',
    score: 'double', polarity: 'varchar', "interval": 'struct(level double, low double, high double)',
    rolling: 'struct(participant double, session double)',
    modalities: 'struct(text struct(present boolean, reason varchar), audio struct(present boolean, reason varchar), video struct(present boolean, reason varchar))',
})
where id is not null
qualify row_number() over (partition by id order by revision desc) = 1;

create or replace temp view finals as
select *, "window"."end" as ended from events where state <> 'provisional' and "window".kind = 'sliding';

-- people: how each person felt, and how sure that is.
create or replace temp view people as
select session, participant, count(*) as windows,
    round(avg(score), 4) as mean_score,
    round(avg(case polarity when 'negative' then 1 else 0 end), 4) as negative_share,
    round(avg("interval".high - "interval".low), 4) as mean_width,
    arg_max(rolling.participant, ended) as rolling
from finals group by session, participant order by session, participant;

-- minutes: how each call went.
create or replace temp view minutes as
select session, date_trunc('minute', ended) as minute, round(avg(score), 4) as mean_score, count(*) as windows
from finals group by session, minute order by session, minute;

-- turns: where a person's rolling score changed its sign.
create or replace temp view turns as
select session, participant, ended, before, rolling
from (
    select session, participant, ended, rolling.participant as rolling,
        lag(rolling.participant) over (partition by session, participant order by ended) as before
    from finals
)
where sign(before) * sign(rolling) < 0 order by session, ended, participant;

-- missing: which streams were not there, and why.
create or replace temp view missing as
select session, participant, stream, reason, count(*) as windows
from (
    select session, participant, unnest([
        {stream: 'text', reason: modalities.text.reason}, {stream: 'audio', reason: modalities.audio.reason},
        {stream: 'video', reason: modalities.video.reason}], recursive := true)
    from finals
)
where reason is not null and reason <> '' group by all order by all;
