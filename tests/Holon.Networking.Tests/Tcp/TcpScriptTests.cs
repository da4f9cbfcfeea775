namespace Holon.Networking.Tests.Tcp;

/// <summary>The engine, segment by segment.</summary>
public sealed class TcpScriptTests
{
    private const string Open = """
        < S 0 win 65535 mss 1000 sackok ws 7
        > S. 0 ack 1 mss 1460 ws 6
        < . 1 ack 1 win 512
        state Established
        silence

        """;

    [Fact]
    public void A_lone_segment_is_acknowledged_late_and_two_at_once() => TcpScript.Run(Open + """
        < P. 1 len 100 ack 1 win 512
        taken 100
        silence
        wait 3
        > . 1 ack 101
        < P. 101 len 1000 ack 1 win 512
        < P. 1101 len 1000 ack 1 win 512
        > . 1 ack 2101
        taken 2100
        """);

    [Fact]
    public void A_gap_is_reported_by_sack_and_filled() => TcpScript.Run(Open + """
        < P. 1001 len 1000 ack 1 win 512
        > . 1 ack 1 sack 1001:2001
        < P. 3001 len 1000 ack 1 win 512
        > . 1 ack 1 sack 3001:4001
        < P. 1 len 1000 ack 1 win 512
        > . 1 ack 2001 sack 3001:4001
        taken 2000
        < P. 2001 len 1000 ack 1 win 512
        > . 1 ack 4001
        taken 4000
        """);

    [Fact]
    public void Data_goes_out_in_one_frame_and_three_duplicates_repeat_the_first_segment() => TcpScript.Run(Open + """
        give 10000
        > P. 1 len 10000 ack 1
        < . 1 ack 1 win 512 sack 1001:2001
        < . 1 ack 1 win 512 sack 1001:3001
        silence
        < . 1 ack 1 win 512 sack 1001:4001
        > . 1 len 1000
        silence
        < . 1 ack 10001 win 512
        silence
        """);

    [Fact]
    public void A_timeout_repeats_the_first_segment_and_backs_off() => TcpScript.Run(Open + """
        give 500
        > P. 1 len 500
        wait 999
        silence
        wait 1
        > P. 1 len 500
        wait 1999
        silence
        wait 1
        > P. 1 len 500
        < . 1 ack 501 win 512
        wait 60000
        silence
        """);

    [Fact]
    public void A_closed_window_is_probed_until_it_opens() => TcpScript.Run(Open + """
        < . 1 ack 1 win 0
        give 3000
        silence
        wait 1000
        > . 1 len 1
        < . 1 ack 1 win 0
        wait 2000
        > . 1 len 1
        < . 1 ack 1 win 512
        > . 1 len 1
        > P. 2 len 2999
        < . 1 ack 3001 win 512
        silence
        """);

    [Fact]
    public void A_far_side_that_takes_nothing_closes_the_guests_window_and_opens_it_again() => TcpScript.Run(Open + """
        block
        < P. 1 len 65000 ack 1 win 512
        > . 1 ack 65001
        taken 0
        unblock
        taken 65000
        > . 1 ack 65001 win 8192
        """);

    [Fact]
    public void The_guest_may_close_first_and_still_receive() => TcpScript.Run(Open + """
        < F. 1 ack 1 win 512
        > . 1 ack 2
        state CloseWait
        give 100
        > P. 1 len 100 ack 2
        end
        > F. 101 ack 2
        state LastAck
        < . 2 ack 102 win 512
        state Closed
        """);

    [Fact]
    public void The_far_side_may_close_first_and_still_receive() => TcpScript.Run(Open + """
        end
        > F. 1 ack 1
        state FinWait1
        < . 1 ack 2 win 512
        state FinWait2
        < P. 1 len 50 ack 2 win 512
        < F. 51 ack 2 win 512
        > . 2 ack 52
        taken 50
        state TimeWait
        < F. 51 ack 2 win 512
        > . 2 ack 52
        wait 2000
        state Closed
        """);

    [Fact]
    public void A_reset_counts_only_with_the_exact_number() => TcpScript.Run(Open + """
        < R 100
        > . 1 ack 1
        state Established
        < R 1
        state Closed
        silence
        """);

    [Fact]
    public void A_syn_inside_of_a_connection_is_challenged() => TcpScript.Run(Open + """
        < S 500 win 100
        > . 1 ack 1
        state Established
        """);

    [Fact]
    public void An_acknowledgment_of_what_was_never_sent_is_challenged() => TcpScript.Run(Open + """
        < . 1 ack 5000 win 512
        > . 1 ack 1
        state Established
        """);

    [Fact]
    public void A_repeated_segment_is_acknowledged_at_once() => TcpScript.Run(Open + """
        < P. 1 len 100 ack 1 win 512
        wait 3
        > . 1 ack 101
        < P. 1 len 100 ack 1 win 512
        > . 1 ack 101
        taken 100
        """);

    [Fact]
    public void A_lost_syn_ack_comes_again_and_is_given_up_after_five() => TcpScript.Run("""
        < S 0 win 65535 mss 1000
        > S. 0 ack 1
        wait 1000
        > S. 0 ack 1
        wait 2000
        > S. 0 ack 1
        wait 4000
        > S. 0 ack 1
        wait 8000
        > S. 0 ack 1
        wait 16000
        > S. 0 ack 1
        wait 32000
        > R. 1 ack 1
        state Closed
        """);

    [Fact]
    public void An_idle_connection_lives_for_twelve_hours_and_a_dead_guest_is_noticed() => TcpScript.Run(Open + """
        wait 7200000
        > . 0 ack 1
        < . 1 ack 1 win 512
        wait 7200000
        > . 0 ack 1
        < . 1 ack 1 win 512
        wait 7200000
        > . 0 ack 1
        wait 75000
        > . 0 ack 1
        wait 75000
        > . 0 ack 1
        wait 75000
        > . 0 ack 1
        wait 75000
        > . 0 ack 1
        wait 75000
        > . 0 ack 1
        wait 75000
        > . 0 ack 1
        wait 75000
        > . 0 ack 1
        wait 75000
        > . 0 ack 1
        wait 75000
        > R. 1 ack 1
        state Closed
        """);
}
