"""docutils: reStructuredText to HTML, LaTeX, XML, manual pages."""
import hashlib, re
from docutils.core import publish_parts, publish_string

text = """
=====
Title
=====
:Author: Me
:Date: 2024-01-02

.. contents::

Section *emphasis* **strong** ``literal``
=========================================

A paragraph with a link_, a footnote [1]_, a citation [CIT]_, a |sub|, :math:`a^2 + b_1`, :sub:`x`, and `inline <https://example.org>`_.

.. _link: https://example.org
.. [1] The footnote.
.. [CIT] The citation.
.. |sub| replace:: replacement

* item
* item

  1. one
  2. two

Term : classifier
    Definition

:field: value

+-----+-------+
| a   | b     |
+=====+=======+
| 1   | - x   |
|     | - y   |
+-----+-------+

===  ===
 a    b
===  ===
 1    2
===  ===

.. note:: A note.
.. code:: python

   def f(): return 1

.. image:: x.png
   :alt: picture

.. csv-table:: T
   :header: a, b

   1, "2, 3"

.. math:: \\sum_{i=0}^n i^2

::

    literal block

>>> doctest()
1

| line
| block

Quote

    -- Someone

.. unknown:: x

Bad `role :nope:`x`
"""
settings = {"report_level": 2, "warning_stream": False, "datestamp": None, "generator": None, "embed_stylesheet": False, "_disable_config": True, "halt_level": 5}
print(publish_parts(text, writer_name="html5", settings_overrides=settings)["body"])
for writer in ("html4", "html5", "latex", "xml", "pseudoxml", "manpage", "xetex"):
    result = publish_string(text, writer_name=writer, settings_overrides=settings).decode()
    print(writer, len(result), hashlib.sha1(re.sub(r"/\S*/", "/", result).encode()).hexdigest())
