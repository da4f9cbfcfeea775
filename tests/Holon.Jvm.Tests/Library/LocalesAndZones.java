import java.text.*;
import java.time.*;
import java.time.chrono.*;
import java.time.format.*;
import java.time.temporal.*;
import java.time.zone.*;
import java.util.*;

/** Locale data (CLDR) and time zones. */
public class LocalesAndZones {
    public static void main(String[] arguments) {
        ZonedDateTime moment = ZonedDateTime.of(2024, 3, 31, 1, 30, 15, 123_000_000, ZoneId.of("Europe/Berlin"));
        for (String tag : new String[] {"en-US", "en-GB", "de-DE", "fr-FR", "ja-JP", "ar-EG", "hi-IN", "ru-RU", "tr-TR", "zh-CN", "pt-BR", "sv-SE", "th-TH-u-ca-buddhist", "he-IL", "ko-KR", "de-CH"}) {
            Locale locale = Locale.forLanguageTag(tag);
            System.out.println(tag + " " + locale.getDisplayName(locale) + " | " + locale.getDisplayLanguage(Locale.US) + " " + locale.getISO3Language() + " " + locale.getDisplayCountry(Locale.GERMANY));
            System.out.println("  " + NumberFormat.getInstance(locale).format(1234567.891) + " " + NumberFormat.getCurrencyInstance(locale).format(-9876.5) + " " + NumberFormat.getPercentInstance(locale).format(0.256) + " " + Currency.getInstance(locale).getSymbol(locale));
            for (FormatStyle style : FormatStyle.values()) System.out.println("  " + DateTimeFormatter.ofLocalizedDateTime(style).withLocale(locale).format(moment));
            System.out.println("  " + DateFormat.getDateTimeInstance(DateFormat.LONG, DateFormat.SHORT, locale).format(new Date(0)) + " " + Arrays.toString(new DateFormatSymbols(locale).getShortMonths()) + " " + DayOfWeek.MONDAY.getDisplayName(TextStyle.FULL, locale) + " " + WeekFields.of(locale) + " " + Calendar.getInstance(locale).getFirstDayOfWeek());
            System.out.println("  " + NumberFormat.getCompactNumberInstance(locale, NumberFormat.Style.LONG).format(12345) + " " + TimeZone.getTimeZone("America/New_York").getDisplayName(true, TimeZone.LONG, locale));
        }
        System.out.println(moment + " " + moment.plusHours(1) + " " + moment.plusDays(1) + " " + moment.withZoneSameInstant(ZoneId.of("Asia/Kolkata")) + " " + moment.toInstant());
        for (String id : new String[] {"America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca", "Europe/London", "America/Sao_Paulo", "UTC", "GMT+3", "Asia/Tehran"}) {
            ZoneRules rules = ZoneId.of(id).getRules();
            Instant now = Instant.parse("2024-06-15T12:00:00Z");
            System.out.println(id + " " + rules.getOffset(now) + " " + rules.getStandardOffset(now) + " " + rules.isDaylightSavings(now) + " " + rules.nextTransition(now) + " " + rules.previousTransition(now) + " " + rules.getTransitions().size() + " " + TimeZone.getTimeZone(id).getOffset(0) + " " + rules.getOffset(Instant.parse("1890-01-01T00:00:00Z")));
        }
        System.out.println(ZoneId.getAvailableZoneIds().size() > 550 ? "zones" : "few zones");
        System.out.println(LocalDateTime.of(2024, 11, 3, 1, 30).atZone(ZoneId.of("America/New_York")).withLaterOffsetAtOverlap() + " " + Duration.between(moment, moment.plusDays(1)) + " " + Period.between(LocalDate.of(2020, 2, 29), LocalDate.of(2024, 3, 1)) + " " + ChronoUnit.DAYS.between(LocalDate.EPOCH, LocalDate.of(2024, 1, 1)));
        System.out.println(JapaneseDate.of(2024, 5, 1) + " " + HijrahDate.from(LocalDate.of(2024, 5, 1)) + " " + ThaiBuddhistDate.of(2567, 5, 1) + " " + MinguoDate.of(113, 5, 1) + " " + IsoFields.QUARTER_OF_YEAR.getFrom(LocalDate.of(2024, 8, 8)) + " " + LocalDate.of(2024, 12, 30).get(IsoFields.WEEK_OF_WEEK_BASED_YEAR));
        System.out.println(DateTimeFormatter.ISO_WEEK_DATE.format(moment) + " " + DateTimeFormatter.RFC_1123_DATE_TIME.format(moment) + " " + DateTimeFormatter.ofPattern("G yyyy QQQ MMMM EEEE dd hh:mm a VV zzzz OOOO", Locale.US).format(moment) + " " + DateTimeFormatter.ofPattern("d. MMMM uuuu", Locale.GERMANY).parse("5. März 2024", LocalDate::from));
        System.out.println(YearMonth.of(2023, 2).lengthOfMonth() + " " + LocalDate.of(2024, 1, 31).plusMonths(1) + " " + LocalDate.of(2024, 5, 15).with(TemporalAdjusters.lastInMonth(DayOfWeek.FRIDAY)) + " " + OffsetTime.parse("10:15+01:00") + " " + Year.of(2100).isLeap() + " " + Instant.ofEpochSecond(-1, 999_999_999));
        try {
            LocalDate.parse("2023-02-29");
        } catch (DateTimeParseException e) {
            System.out.println(e.getMessage());
        }
        try {
            ZoneId.of("Mars/Base");
        } catch (DateTimeException e) {
            System.out.println(e.getMessage());
        }
        System.out.println(Locale.lookup(Locale.LanguageRange.parse("de-AT,en;q=0.5"), List.of(Locale.ENGLISH, Locale.GERMAN)) + " " + new Locale.Builder().setLanguage("sr").setScript("Latn").setRegion("RS").build().toLanguageTag() + " " + Locale.getISOCountries().length + " " + Locale.getAvailableLocales().length);
        GregorianCalendar c = new GregorianCalendar(TimeZone.getTimeZone("Europe/Paris"), Locale.FRANCE);
        c.setTimeInMillis(1_700_000_000_000L);
        c.add(Calendar.MONTH, 4);
        c.roll(Calendar.DAY_OF_MONTH, 30);
        System.out.println(c.getTime().getTime() + " " + c.get(Calendar.WEEK_OF_YEAR) + " " + c.getActualMaximum(Calendar.DAY_OF_MONTH) + " " + c.get(Calendar.DST_OFFSET));
    }
}
