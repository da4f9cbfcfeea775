using System.Text;

namespace Holon.Python.Terminal;

/// <summary>
/// Reads a line at a terminal with the keys that people know from GNU readline: arrows, history, words, search, kill and yank, completion.
/// What it shows and where keys come from are given, so that tests need no terminal.
/// </summary>
/// <param name="readKey">The next key; null when none has come for a moment.</param>
/// <param name="write">Writes to the terminal.</param>
/// <param name="width">The terminal's width in columns.</param>
internal sealed class LineEditor(Func<ConsoleKeyInfo?> readKey, Action<string> write, Func<int> width)
{
    private readonly StringBuilder text = new();
    private string prompt = "", kept = "", killed = "";
    private int cursor, row, historyAt;

    /// <summary>Lines entered before, oldest first.</summary>
    public List<string> History { get; } = [];

    /// <summary>The completions of the word that begins at an index, for the whole line.</summary>
    public Func<string, int, int, IReadOnlyList<string>>? Complete { get; set; }

    /// <summary>Characters that end the word to complete.</summary>
    public string Delimiters { get; set; } = " \t\n`~!@#$%^&*()-=+[{]}\\|;:'\",<>/?";

    /// <summary>Called while no key comes: delivers signals, and may throw.</summary>
    public Action Idle { get; init; } = () => { };

    /// <summary>The line as it stands.</summary>
    public string Buffer => text.ToString();

    /// <summary>Puts text where the cursor is.</summary>
    public void Insert(string more)
    {
        text.Insert(cursor, more);
        cursor += more.Length;
    }

    /// <summary>A line without its end; null at the end of the input (Ctrl-D on an empty line).</summary>
    public string? Read(string newPrompt)
    {
        (prompt, kept, cursor, row, historyAt) = (newPrompt, "", 0, 0, History.Count);
        text.Clear();
        Draw();
        while (true)
        {
            if (readKey() is not { } key)
            {
                Idle();
                continue;
            }
            var control = (key.Modifiers & ConsoleModifiers.Control) != 0;
            if (key.Key == ConsoleKey.Enter || key.KeyChar is '\r' or '\n' || (control && key.Key is ConsoleKey.J or ConsoleKey.M && control))
            {
                cursor = text.Length;
                Draw();
                write("\r\n");
                return text.ToString();
            }
            if (control && key.Key == ConsoleKey.D && text.Length == 0)
            {
                write("\r\n");
                return null;
            }
            if (control && key.Key == ConsoleKey.R)
                Search();
            else if (key.Key == ConsoleKey.Tab)
                CompleteWord();
            else
                Edit(key, control, (key.Modifiers & ConsoleModifiers.Alt) != 0);
            Draw();
        }
    }

    /// <summary>Gives up the line, as Ctrl-C does.</summary>
    public void Abandon()
    {
        cursor = text.Length;
        Draw();
        write("\r\n");
    }

    private void Edit(ConsoleKeyInfo key, bool control, bool alt)
    {
        switch (key.Key)
        {
            case ConsoleKey.LeftArrow:
                cursor = control || alt ? WordLeft() : Math.Max(0, cursor - 1);
                return;
            case ConsoleKey.RightArrow:
                cursor = control || alt ? WordRight() : Math.Min(text.Length, cursor + 1);
                return;
            case ConsoleKey.UpArrow:
                Recall(historyAt - 1);
                return;
            case ConsoleKey.DownArrow:
                Recall(historyAt + 1);
                return;
            case ConsoleKey.Home:
                cursor = 0;
                return;
            case ConsoleKey.End:
                cursor = text.Length;
                return;
            case ConsoleKey.Delete:
                Remove(cursor, Math.Min(1, text.Length - cursor));
                return;
            case ConsoleKey.Backspace:
                if (alt || control)
                    Kill(WordLeft(), cursor);
                else if (cursor > 0)
                    Remove(cursor - 1, 1);
                return;
        }
        if (control)
            EditControl(key.Key);
        else if (alt)
            EditAlt(key.Key);
        else if (!char.IsControl(key.KeyChar))
            Insert(key.KeyChar.ToString());
    }

    private void EditControl(ConsoleKey key)
    {
        switch (key)
        {
            case ConsoleKey.A:
                cursor = 0;
                break;
            case ConsoleKey.E:
                cursor = text.Length;
                break;
            case ConsoleKey.B:
                cursor = Math.Max(0, cursor - 1);
                break;
            case ConsoleKey.F:
                cursor = Math.Min(text.Length, cursor + 1);
                break;
            case ConsoleKey.P:
                Recall(historyAt - 1);
                break;
            case ConsoleKey.N:
                Recall(historyAt + 1);
                break;
            case ConsoleKey.D:
                Remove(cursor, Math.Min(1, text.Length - cursor));
                break;
            case ConsoleKey.H:
                if (cursor > 0)
                    Remove(cursor - 1, 1);
                break;
            case ConsoleKey.K:
                Kill(cursor, text.Length);
                break;
            case ConsoleKey.U:
                Kill(0, cursor);
                break;
            case ConsoleKey.W:
                Kill(SpaceLeft(), cursor);
                break;
            case ConsoleKey.Y:
                Insert(killed);
                break;
            case ConsoleKey.T when cursor > 0 && text.Length > 1:
                var at = Math.Min(cursor, text.Length - 1);
                (text[at - 1], text[at]) = (text[at], text[at - 1]);
                cursor = at + 1;
                break;
            case ConsoleKey.L:
                write("\x1b[H\x1b[2J");
                row = 0;
                break;
        }
    }

    private void EditAlt(ConsoleKey key)
    {
        switch (key)
        {
            case ConsoleKey.B:
                cursor = WordLeft();
                break;
            case ConsoleKey.F:
                cursor = WordRight();
                break;
            case ConsoleKey.D:
                Kill(cursor, WordRight());
                break;
        }
    }

    private void Remove(int start, int count)
    {
        text.Remove(start, count);
        cursor = Math.Min(start, text.Length);
    }

    private void Kill(int start, int end)
    {
        killed = text.ToString(start, end - start);
        Remove(start, end - start);
    }

    private int WordLeft()
    {
        var at = cursor;
        while (at > 0 && !char.IsLetterOrDigit(text[at - 1]))
            at--;
        while (at > 0 && char.IsLetterOrDigit(text[at - 1]))
            at--;
        return at;
    }

    private int WordRight()
    {
        var at = cursor;
        while (at < text.Length && !char.IsLetterOrDigit(text[at]))
            at++;
        while (at < text.Length && char.IsLetterOrDigit(text[at]))
            at++;
        return at;
    }

    private int SpaceLeft()
    {
        var at = cursor;
        while (at > 0 && char.IsWhiteSpace(text[at - 1]))
            at--;
        while (at > 0 && !char.IsWhiteSpace(text[at - 1]))
            at--;
        return at;
    }

    private void Recall(int index)
    {
        if (index < 0 || index > History.Count)
            return;
        if (historyAt == History.Count)
            kept = text.ToString();
        historyAt = index;
        Replace(index == History.Count ? kept : History[index]);
    }

    private void Replace(string line)
    {
        text.Clear().Append(line);
        cursor = text.Length;
    }

    /// <summary>Ctrl-R: searches the history backwards, key by key.</summary>
    private void Search()
    {
        var (wanted, found, start, before) = ("", "", History.Count - 1, prompt);
        while (true)
        {
            prompt = $"(reverse-i-search)`{wanted}': ";
            Replace(found);
            Draw();
            if (readKey() is not { } key)
            {
                Idle();
                continue;
            }
            var control = (key.Modifiers & ConsoleModifiers.Control) != 0;
            if (control && key.Key == ConsoleKey.R)
                start = Math.Max(-1, start - 1);
            else if (key.Key == ConsoleKey.Backspace)
                (wanted, start) = (wanted.Length > 0 ? wanted[..^1] : "", History.Count - 1);
            else if (!control && !char.IsControl(key.KeyChar))
                wanted += key.KeyChar;
            else
                break;
            while (start >= 0 && !History[start].Contains(wanted, StringComparison.Ordinal))
                start--;
            found = start >= 0 && wanted.Length > 0 ? History[start] : found;
        }
        prompt = before;
    }

    private void CompleteWord()
    {
        var start = cursor;
        while (start > 0 && !Delimiters.Contains(text[start - 1], StringComparison.Ordinal))
            start--;
        var found = Complete?.Invoke(text.ToString(), start, cursor) ?? [];
        if (found.Count == 0)
            return;
        var common = found[0];
        foreach (var each in found)
        {
            var length = 0;
            while (length < Math.Min(common.Length, each.Length) && common[length] == each[length])
                length++;
            common = common[..length];
        }
        if (common.Length > cursor - start)
        {
            text.Remove(start, cursor - start);
            cursor = start;
            Insert(common);
            return;
        }
        if (found.Count == 1)
            return;
        var shown = found.Distinct().Order(StringComparer.Ordinal).Take(200).ToArray();
        var column = shown.Max(s => s.Length) + 2;
        var columns = Math.Max(1, width() / column);
        write("\r\n");
        for (var i = 0; i < shown.Length; i++)
            write(shown[i].PadRight(column) + (i % columns == columns - 1 || i == shown.Length - 1 ? "\r\n" : ""));
        row = 0;
    }

    /// <summary>Shows prompt and line again, on as many rows as they take.</summary>
    private void Draw()
    {
        var columns = Math.Max(1, width());
        var output = new StringBuilder();
        if (row > 0)
            output.Append($"\x1b[{row}A");
        output.Append("\r\x1b[J").Append(prompt).Append(text);
        var (end, place) = (prompt.Length + text.Length, prompt.Length + cursor);
        if (end % columns == 0 && end > 0)
            output.Append("\r\n");
        if (end / columns - place / columns is > 0 and var up)
            output.Append($"\x1b[{up}A");
        output.Append('\r');
        if (place % columns is > 0 and var right)
            output.Append($"\x1b[{right}C");
        row = place / columns;
        write(output.ToString());
    }
}
