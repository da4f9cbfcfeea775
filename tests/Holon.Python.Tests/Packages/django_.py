"""A Django project with models, views, forms and its own tests, run by Django's test runner on SQLite."""
import io, os, re, sys, tempfile

folder = tempfile.mkdtemp()
sys.path.insert(0, folder)
files = {
    "shop/__init__.py": "",
    "shop/models.py": '''
from django.db import models

class Author(models.Model):
    name = models.CharField(max_length=50, unique=True)

class Book(models.Model):
    title = models.CharField(max_length=100)
    author = models.ForeignKey(Author, models.CASCADE, related_name="books")
    price = models.DecimalField(max_digits=6, decimal_places=2)
    published = models.DateField(null=True)
    tags = models.ManyToManyField("Tag", blank=True)
    data = models.JSONField(default=dict)

    class Meta:
        ordering = ["title"]
        constraints = [models.CheckConstraint(check=models.Q(price__gte=0), name="not_negative")]

class Tag(models.Model):
    word = models.SlugField()
''',
    "shop/views.py": '''
from django.http import JsonResponse, Http404
from django.shortcuts import render, get_object_or_404
from django import forms
from .models import Book

class BookForm(forms.ModelForm):
    class Meta:
        model = Book
        fields = ["title", "price", "author"]

def books(request):
    return JsonResponse({"books": list(Book.objects.values("title", "price"))})

def book(request, pk):
    return render(request, "book.html", {"book": get_object_or_404(Book, pk=pk)})

def add(request):
    form = BookForm(request.POST)
    if form.is_valid():
        return JsonResponse({"id": form.save().pk is not None})
    return JsonResponse(form.errors, status=400)
''',
    "shop/urls.py": '''
from django.urls import path
from . import views
urlpatterns = [path("books/", views.books), path("books/<int:pk>/", views.book), path("add/", views.add)]
''',
    "shop/templates/book.html": "{% load humanize %}<h1>{{ book.title|upper }}</h1>{{ book.price|floatformat:1 }} {{ 1234567|intcomma }} {% for t in book.tags.all %}{{ t.word }}{% endfor %}",
    "shop/tests.py": '''
import datetime, decimal
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction, connection
from django.db.models import Avg, Count, F, Max, Q, Sum, Window
from django.db.models.functions import Lower, RowNumber, TruncYear
from django.test import TestCase, TransactionTestCase
from .models import Author, Book, Tag

class BookTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.a = Author.objects.create(name="Ada")
        cls.b = Author.objects.create(name="Bob")
        for i in range(10):
            book = Book.objects.create(title=f"Book {i}", author=cls.a if i % 3 else cls.b, price=decimal.Decimal(i) / 4, published=datetime.date(2000 + i, 1, i + 1), data={"n": i, "l": [i]})
            book.tags.add(Tag.objects.get_or_create(word=f"t{i % 2}")[0])

    def test_queries(self):
        self.assertEqual(Book.objects.filter(Q(price__gt=1) & ~Q(author=self.b)).count(), 3)
        self.assertEqual(Book.objects.aggregate(Sum("price"), Avg("price"), Max("title"))["price__sum"], decimal.Decimal("11.25"))
        self.assertEqual([(a.name, a.n) for a in Author.objects.annotate(n=Count("books")).order_by("-n")], [("Ada", 6), ("Bob", 4)])
        self.assertEqual(list(Book.objects.filter(data__n__gte=8).values_list("title", flat=True)), ["Book 8", "Book 9"])
        self.assertEqual(Book.objects.annotate(y=TruncYear("published")).values("y").distinct().count(), 10)
        self.assertEqual(Book.objects.annotate(r=Window(RowNumber(), order_by=F("price").desc())).first().r, 10)
        self.assertQuerysetEqual(Book.objects.filter(title__iregex="k [12]$"), ["Book 1", "Book 2"], transform=lambda b: b.title)
        self.assertEqual(Book.objects.select_related("author").prefetch_related("tags")[0].author.name, "Bob")

    def test_changes(self):
        Book.objects.update(price=F("price") + 1)
        self.assertEqual(Book.objects.earliest("price").price, 1)
        self.assertEqual(self.a.books.all().delete()[0], 12)
        Book.objects.bulk_create([Book(title="x", author=self.b, price=1) for _ in range(200)])
        self.assertEqual(Book.objects.count(), 204)
        with self.assertRaises(IntegrityError), transaction.atomic():
            Author.objects.create(name="Ada")
        with self.assertRaises(IntegrityError), transaction.atomic():
            Book.objects.create(title="y", author=self.b, price=-1)
        with self.assertRaises(ValidationError):
            Author(name="n" * 51).full_clean()

    def test_pages(self):
        self.assertEqual(len(self.client.get("/books/").json()["books"]), 10)
        self.assertContains(self.client.get(f"/books/{Book.objects.first().pk}/"), "<h1>BOOK 0</h1>0.0 1,234,567 t0")
        self.assertEqual(self.client.get("/books/999/").status_code, 404)
        self.assertEqual(self.client.post("/add/", {"title": "n", "price": "1.5", "author": self.a.pk}).json(), {"id": True})
        self.assertEqual(self.client.post("/add/", {"price": "x"}).json()["price"], ["Enter a number."])

    def test_that_fails(self):
        self.assertEqual(1, 2)

class CommitTests(TransactionTestCase):
    def test_rollback(self):
        try:
            with transaction.atomic():
                Author.objects.create(name="gone")
                raise KeyError
        except KeyError:
            pass
        self.assertFalse(Author.objects.exists())
        with transaction.atomic():
            Author.objects.create(name="kept")
            point = transaction.savepoint()
            Author.objects.create(name="dropped")
            transaction.savepoint_rollback(point)
        self.assertEqual([a.name for a in Author.objects.all()], ["kept"])
''',
}
for name, text in files.items():
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)

import django
from django.conf import settings

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.humanize", "shop"], ROOT_URLCONF="shop.urls", SECRET_KEY="k",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}], DEFAULT_AUTO_FIELD="django.db.models.AutoField", USE_TZ=True,
)
django.setup()
from django.test.utils import get_runner
import logging

logging.getLogger("django.request").setLevel(logging.ERROR + 1)
sys.stderr = errors = io.StringIO()
failures = get_runner(settings)(verbosity=2, interactive=False).run_tests(["shop"])
sys.stderr = sys.__stderr__
text = re.sub(r"in [\d.]+s", "in N s", errors.getvalue()).replace(folder, "FOLDER")
print(text, failures)
