using System.Globalization;

namespace Holon.EndToEnd;

/// <summary>
/// PostgreSQL in a guest commits for several clients at once, and Holon is killed at random moments. What a client was told is committed must be
/// there when the server has recovered. What they were told leaves by the serial line, never by the disk.
/// </summary>
public sealed class PostgresDurabilityTests(Busybox busybox) : IClassFixture<Busybox>
{
    private const int RoundsInAll = 50, Clients = 3;

    /// <summary>
    /// Starts the server, which recovers, and compares the table with each client's counter, which the same transactions change, and with its index. Then clients commit
    /// numbers one by one, and say so.
    /// </summary>
    private const string Script = """
        mkdir -p /mnt; mount -o ro /dev/vda /mnt && mount -t ext4 /dev/vdb /mnt/var/lib/postgresql || exit 1
        for each in run tmp; do mount -t tmpfs -o mode=1777 none /mnt/$each; done
        for each in dev proc; do mount --bind /$each /mnt/$each; done
        mkdir -p /mnt/dev/shm; mount -t tmpfs none /mnt/dev/shm
        as_postgres() { chroot /mnt /usr/bin/setpriv --reuid postgres --regid postgres --clear-groups "$@"; }
        export PATH=$PATH:/usr/lib/postgresql/15/bin PGDATA=/var/lib/postgresql/data PGHOST=/tmp LC_ALL=C
        new=
        if ! [ -e /mnt/$PGDATA/made ]; then
            new=1
            rm -rf /mnt/$PGDATA
            chroot /mnt /bin/chown postgres /var/lib/postgresql
            as_postgres initdb -A trust >/tmp/log 2>&1 || { cat /tmp/log; exit 1; }
            printf "listen_addresses = ''\nunix_socket_directories = '/tmp'\nmax_wal_size = 32MB\ncheckpoint_timeout = 30s\n" >>/mnt/$PGDATA/postgresql.conf
        fi
        rm -f /mnt/$PGDATA/postmaster.pid
        as_postgres pg_ctl -w -l /tmp/server.log start >/tmp/log 2>&1 || { cat /tmp/log /mnt/tmp/server.log; exit 1; }
        if [ $new ]; then
            as_postgres psql -q -v ON_ERROR_STOP=1 postgres <<END
        create extension amcheck;
        create table t(client int, i int, body text, primary key (client, i));
        create table counters(client int primary key, n int);
        insert into counters select client, 0 from generate_series(1, CLIENTS) client;
        checkpoint;
        END
            touch /mnt/$PGDATA/made && sync
        fi
        as_postgres psql -qAt -v ON_ERROR_STOP=1 postgres <<END >/dev/ttyS0 || { cat /mnt/tmp/server.log; exit 1; }
        select 'found', client, n, (select count(*) from t where t.client = c.client), (select coalesce(max(i), 0) from t where t.client = c.client),
               (select count(*) from t where t.client = c.client and body <> repeat(md5(i::text), 60)) from counters c order by client;
        select bt_index_check(index, true) from (values ('t_pkey'::regclass), ('counters_pkey')) as indexes(index);
        \echo checked
        END
        for client in $(seq CLIENTS); do
            i=$(as_postgres psql -qAt -c "select n from counters where client = $client" postgres)
            while i=$((i + 1)); do
                echo "begin; insert into t values ($client, $i, repeat(md5('$i'), 60)); update counters set n = $i where client = $client; commit;"
                echo "\\echo committed $client $i"
            done | as_postgres psql -q -v ON_ERROR_STOP=1 postgres >/dev/ttyS0 & # a terminal gets each line at once
        done
        wait
        """;

    [Fact]
    public async Task What_postgresql_has_committed_survives_a_killed_holon()
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("HOLON_TEST_ALL") is not null, "It takes minutes; ./holon test --all runs it.");
        busybox.Require();
        using var folder = new TemporaryFolder();
        var programs = await GuestImages.GetAsync("postgresql", "postgresql.ext4");
        var disk = await DurableDisk.CreateAsync(folder, 1 << 30);
        string[] run =
        [
            "run", "busybox", "--memory", "1G", "--timeout", "15m", "--disk", $"{programs},ro,format=raw", "--disk", disk.Path,
            "--", "sh", "-c", Script.Replace("CLIENTS", Clients.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal),
        ];
        var random = new Random(1);
        var acknowledged = new int[Clients + 1];
        for (var round = 1; round <= RoundsInAll; round++)
        {
            var outcome = await HolonProgram.RunAsync(run, [], meanwhile: async machine =>
            {
                await machine.WaitForAsync("checked");
                await machine.WaitForAsync("committed");
                await Task.Delay(random.Next(50, 3000), TestContext.Current.CancellationToken);
                machine.Signal(9);
            });
            var lines = outcome.Output.Split('\n', StringSplitOptions.TrimEntries)[..^1]; // the last may be cut off, and then it counts for nothing
            var found = lines.Where(line => line.StartsWith("found|", StringComparison.Ordinal)).Select(line => line.Split('|')[1..].Select(Number).ToArray()).ToList();
            Assert.Equal(Clients, found.Count);
            foreach (var client in found)
            {
                Assert.True(
                    client is [var number, var counter, var rows, var greatest, 0] && counter == rows && rows == greatest && rows >= acknowledged[number],
                    $"round {round}: {acknowledged[client[0]]} were committed before, and now: {string.Join('|', client)}");
                acknowledged[client[0]] = client[2];
            }

            foreach (var words in lines.Where(line => line.StartsWith("committed ", StringComparison.Ordinal)).Select(line => line.Split(' '))) acknowledged[Number(words[1])] = Number(words[2]);
            await disk.CheckAsync($"round {round}");
            await disk.CheckFileSystemAsync($"round {round}");
            TestContext.Current.SendDiagnosticMessage($"round {round} of {RoundsInAll}: {acknowledged.Sum()} transactions, {disk.Leaks} times leaked clusters");
        }
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
