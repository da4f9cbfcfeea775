Console.WriteLine("holon");
